"""The store: whether the daemon can write there, who does, and how much room is left. Nothing is made or written."""
