"""The results as a static site that opens from a disk: no server, no framework, nothing from the network.

gather    what results/ says of each paper, asked of common.evidence
forest    every reported number as one line: what is printed, what came out
protocol  what a paper states and leaves open beside what was run
curves    training curves (matplotlib, SVG)          layers     the networks, layer by layer
pictures  images of a data set, where it is at hand  outlines   masks as outlines
gallery   the test images of a run                   audits     what is wrong with the data
site      the pages of all that, into a folder       templates/ their HTML, CSS and script
"""
