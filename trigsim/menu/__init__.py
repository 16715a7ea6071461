"""Trigger menus: YAML grammar, checked model, compiled tables, decisions; import of L1Menu XML."""
