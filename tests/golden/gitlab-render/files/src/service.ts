export const service = {
  name: "orders",
  description: 'Takes orders, "as they come"',
};
