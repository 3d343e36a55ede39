-- Notifications that wait in the template's bus.
DELETE FROM bus_bus;
