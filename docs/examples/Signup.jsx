import React, { useEffect, useRef, useState } from "react";
// A copy of https://office.example.com/api/signup.js
import { createInstance, followInstance } from "./signup.js";

const service = { api: "https://office.example.com/api", key: "pk_..." };

function CreateInstance() {
  const [loading, setLoading] = useState(false);
  const [message, setMessage] = useState("");
  const [url, setUrl] = useState(null);
  const stop = useRef(null);
  useEffect(() => () => stop.current?.abort(), []);

  const show = ({ state, progress }) =>
    setMessage(state === "draft" ? "Follow the link we sent to you." : `Creating: ${Math.round(progress)} %`);

  const handleSubmit = async (event) => {
    event.preventDefault();
    const formData = new FormData(event.target);
    const wish = { company: formData.get("company"), email: formData.get("email") };
    stop.current = new AbortController();
    setLoading(true);
    try {
      const { instanceId } = await createInstance(service, wish);
      const instance = await followInstance(service, instanceId, show, stop.current.signal);
      setMessage("Your instance is ready:");
      setUrl(instance.url);
    } catch (error) {
      setMessage(error.message);
    } finally {
      setLoading(false);
    }
  };

  return (
    <div>
      <h2>Create your instance</h2>
      <form onSubmit={handleSubmit}>
        <input name="company" aria-label="Company" placeholder="Company" required />
        <input name="email" aria-label="Email" placeholder="Email" type="email" required />
        <button type="submit" disabled={loading}>
          {loading ? "Under way..." : "Create my instance"}
        </button>
      </form>
      <p role="status">
        {message} {url && <a href={url}>{url}</a>}
      </p>
    </div>
  );
}

export default CreateInstance;
