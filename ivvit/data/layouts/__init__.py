"""The layouts of data sets on disk, one file each; `list_samples` is the door to all of them."""

from ivvit.data.layouts.listing import Listing, Sample, list_samples

__all__ = ["Listing", "Sample", "list_samples"]
