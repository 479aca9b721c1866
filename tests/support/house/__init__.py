"""What the tests share: loops to run on, guards against leaks, blocking calls and impurity."""
