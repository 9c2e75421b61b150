"""`labcheck open`: the sheet, the report after each save, and the user's own server, on one page in the browser."""
