"""What is drawn of a document, as data: decided here once, painted by `views.plot` for files and by `views.page` for pages."""
