"""For tests of applications: the plugin for pytest, and the traces that it keeps."""
