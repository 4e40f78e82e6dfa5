export const service = {
  name: "my-service",
  description: "A backend service",
};
