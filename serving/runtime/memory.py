"""Keeping freed memory for the next message."""

# glibc's upper bound for the dynamic threshold, minus the header of the block.
_LARGEST = 32 * 2**20 - 8192


def keep_freed_memory() -> None:
    """Let the C library keep freed memory for the next message, up to 64 MiB.

    By default, malloc returns a block of the size of an image to the kernel at once. Every message would then
    be built in freshly cleared pages: 450 page faults, nearly 2 ms, for a pair of 256x256. glibc raises its
    thresholds when a large block is freed (mallopt(3), M_MMAP_THRESHOLD). This function allocates and frees
    such a block without touching its pages. With another C library it has no effect.
    """
    bytearray(_LARGEST)
