# SPDX-License-Identifier: Apache-2.0
"""What tools/abi.py is made of: reading headers, measuring, comparing, older and newer headers."""
