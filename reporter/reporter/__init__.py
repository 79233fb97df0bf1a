"""The Reporter and the module-level functions: what training code calls."""
