"""Charts, and nothing else: drawn without a display and without any global state of matplotlib.

fonts    which fonts are installed, and which language they can write
drawing  a course as a PNG
"""
