-- Notifications that wait in the template's bus, and the presence of its users.
DELETE FROM bus_bus;
DELETE FROM bus_presence;
