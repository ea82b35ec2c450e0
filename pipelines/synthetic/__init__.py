"""Image pairs with exact flow: a warped portrait, moving shapes and rendered faces."""
