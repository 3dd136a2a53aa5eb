"""How good the enrichment is, measured on sets that others annotated.

``python -m services.enrichment.quality --data DIR`` prints the figures as Markdown.
"""
