"""collapse: has my representation collapsed, how badly, why, and what would cure it?"""
