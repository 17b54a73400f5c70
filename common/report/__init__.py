"""The results as a static site. Its pages open from a disk: they need no server, no framework and no internet.

gather      all that common.evidence computes from results/, by paper
comparison  a paper's numbers and settings beside our runs         marks     a printed number and ours on an axis
plots       training curves and effects of readings (matplotlib)   layers    the networks, layer by layer
pictures    images, and masks as outlines                          gallery   test images with predictions
figures     what we show in place of a paper's figures             try_page  a page on which a network runs
site        the pages, from all of these and the templates         folder    writes the pages into a folder
templates/  HTML, CSS and JavaScript
browser_runtime  onnxruntime-web, which runs the network of try_page
"""
