"""`make demo`: the whole chain on an emulated beamline, from a stock BLISS scan to the recommendation on Tango."""
