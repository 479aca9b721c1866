"""The page of `odyssey view`: one client of this process, seen and steered in a browser on this machine."""
