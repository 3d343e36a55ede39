import React, { useState } from 'react';

function CreateInstance() {
    const [loading, setLoading] = useState(false);
    const [result, setResult] = useState(null);

    const handleSubmit = async (e) => {
        e.preventDefault();
        setLoading(true);

        const formData = new FormData(e.target);
        const clientName = formData.get('company').toLowerCase().replace(/[^a-z0-9]/g, '-');

        try {
            const response = await fetch('https://votre-api.com/api/instances', {
                method: 'POST',
                headers: { 'Content-Type': 'application/json' },
                body: JSON.stringify({
                    clientName: clientName,
                    adminEmail: formData.get('email'),
                    companyName: formData.get('company')
                })
            });

            const data = await response.json();
            setResult(data);
        } catch (error) {
            console.error(error);
        } finally {
            setLoading(false);
        }
    };

    return (
        <div>
            <h2>Créer Votre Instance EAZYNOVA</h2>
            <form onSubmit={handleSubmit}>
                <input name="company" placeholder="Nom de l'entreprise" required />
                <input name="email" type="email" placeholder="Email" required />
                <button type="submit" disabled={loading}>
                    {loading ? 'Création en cours...' : 'Créer Mon Instance'}
                </button>
            </form>

            {result && (
                <div>
                    <h3>✅ Instance créée !</h3>
                    <p>ID: {result.instanceId}</p>
                </div>
            )}
        </div>
    );
}

export default CreateInstance;
