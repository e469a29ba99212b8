"""Solutions: packages in link order, reasons, removal."""
