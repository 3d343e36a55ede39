"""Operations on one instance."""
