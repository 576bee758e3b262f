"""The layouts of data sets on disk, one file each; `list_samples` is the door to all of them."""

from ivvit.data.layouts.listing import Listing, list_samples
from ivvit.data.layouts.rows import Sample

__all__ = ["Listing", "Sample", "list_samples"]
