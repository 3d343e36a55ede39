"""Operations on many databases at a time."""
