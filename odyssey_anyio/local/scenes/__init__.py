"""The pictures of the local service: a scene that follows from the words of a prompt."""
