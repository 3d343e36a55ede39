"""The mail relay: passes instances' mails on to the operator's mail server, whose login no instance gets."""
