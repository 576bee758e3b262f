"""Whether this machine and this project have what the workflow needs: `ivvit doctor`."""
