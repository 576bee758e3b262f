"""report.html: everything in one file that needs no network."""
