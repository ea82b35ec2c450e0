"""Keeping memory between messages."""

# glibc's upper bound for the dynamic threshold, less room for the block's own header.
_LARGEST = 32 * 2**20 - 8192


def keep_freed_memory() -> None:
    """Let the C library keep freed memory for the next message, up to 64 MiB.

    A picture is larger than what malloc keeps at first, so that every message would be built in pages that
    the kernel has just cleared and gets back at once: 450 page faults, nearly 2 ms, for a pair of 256x256.
    glibc raises its thresholds when a large block is freed (mallopt(3), M_MMAP_THRESHOLD); such a block is
    taken and freed here, without ever being touched. With another C library nothing happens.
    """
    bytearray(_LARGEST)
