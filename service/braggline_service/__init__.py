"""From frames to results: streams, sources, stages, jobs, board, files. Knows the models; knows no Tango."""
