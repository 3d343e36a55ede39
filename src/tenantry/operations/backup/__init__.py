"""Operations on backups: archives of instances in the server's own store."""
