"""One pipeline, two doors: frames that still arrive (jobs/) and a curve on disk (`run_curve`) take the same stages."""
