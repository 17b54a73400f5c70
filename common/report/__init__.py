"""The results as a static site that opens from a disk: no server, no framework, nothing from the network.

gather      what results/ says of each paper, as common.evidence computes it
comparison  a paper's numbers and settings beside what was run       layers    the networks, layer by layer
marks       a number and ours on an axis                             figures   ours in the place of a paper's figures
plots       training curves and effects of readings (matplotlib)     pictures  images and outlines of masks
gallery     test images, and what an audit found                     site      the pages, into a folder
templates/  HTML, CSS and script
"""
