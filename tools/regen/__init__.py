# SPDX-License-Identifier: Apache-2.0
"""What ./dev regen is made of: reading schemas, naming them in C, writing each generated file."""
