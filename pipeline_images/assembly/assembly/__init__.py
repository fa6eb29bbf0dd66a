"""The assembly pipeline: clean reads → MEGAHIT → coverage → bins and genes → tables and a report."""
