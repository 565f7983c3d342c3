// Draws the interactive documentation. Swagger UI is a plain script that defines one global name.

const place = /** @type {HTMLElement} */ (document.getElementById("api"));

/** @type {any} */ (globalThis).SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  validatorUrl: null, // no requests to other hosts
});
