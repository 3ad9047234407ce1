"""Inverse design over learned forward models."""
