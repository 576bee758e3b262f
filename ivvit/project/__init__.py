"""What a newcomer needs: looks at the data that is there and writes a project that runs on it."""
