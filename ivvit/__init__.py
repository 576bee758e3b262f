"""Joint learning of images and videos with a single Vision Transformer (Shimizu & Tamaki, MVA 2023)."""

__version__ = "0.1.0"
