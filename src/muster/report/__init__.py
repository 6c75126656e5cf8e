"""The report: one page that a reader opens without Muster, without a network and without scripts."""

from muster.report.build import page

__all__ = ["page"]
