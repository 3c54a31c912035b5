"""What the DAGs of this folder share: plan and output are pure, intervals and operators know Airflow."""
