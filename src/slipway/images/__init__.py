"""Images: what goes into one, the engines that build it, and the functions that run from it."""
