"""Figures: each module draws one kind from a comparison, at a column's or a page's width, and says what it shows."""
