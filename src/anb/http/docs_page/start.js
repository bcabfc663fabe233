// What Swagger UI leaves without a name for who hears the page; and a phone offers its videos for one, not all its files.
const Named = ({ React }) => ({
  wrapComponents: {
    Input: (Original) => (props) =>
      React.createElement(Original, props.type === "file" ? { "aria-label": "File", accept: accepted(props), ...props } : props),
    CloseIcon: (Original) => (props) =>
      React.createElement(Original, { role: "img", "aria-label": "Close", "aria-hidden": false, ...props }),
  },
});

// A field of a form has a title for its errors. What is a whole body is a piece of a file: any.
const accepted = ({ title }) => (title === undefined ? undefined : "video/*");

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null, // it would send our document to a server elsewhere
  plugins: [Named],
});
