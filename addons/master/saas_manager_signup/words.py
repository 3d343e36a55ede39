def own_name(language):
    """A language in its own words: `French / Français` becomes Français, `English (US)` becomes English."""
    return language.rpartition("/")[2].partition("(")[0].strip()
