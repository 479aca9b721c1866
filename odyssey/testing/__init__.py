"""For tests of applications: the plugin for pytest, and the recordings that it keeps."""
