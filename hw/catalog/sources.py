"""Papers and specifications that designs come from."""

from __future__ import annotations

OCP_MX = "OCP Microscaling Formats (MX) v1.0"
SOURCES = {
    "mxint4": "arXiv 2510.25602 (INT v.s. FP)",
    "nvint4": "arXiv 2510.25602 (INT v.s. FP)",
    "nvint4_ue5m3": "arXiv 2510.25602 (INT v.s. FP)",
    "nvfp4": "arXiv 2509.25149 (NVFP4)",
    "nvfp4_ue5m3": "arXiv 2509.25149 (NVFP4)",
    "amxfp4": "arXiv 2411.09909 (AMXFP4)",
}
"""Where block formats come from, unless from the MX specification."""

POSIT = "Standard for Posit Arithmetic (2022), with the draft's es"
PLAIN = "two's complement arithmetic"
