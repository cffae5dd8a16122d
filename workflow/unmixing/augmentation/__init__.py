"""The treatments of the sweep: what they are and draw (no torch), and the operations on images (torch)."""
