"""Thin faces on Tango: three device servers and one table from result field to attribute."""
