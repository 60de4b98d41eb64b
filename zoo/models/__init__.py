"""One paper a file: the folder is the registry."""
