"""What is, was, and why: status, reasons, history, accept, clean. Knows no torch."""
