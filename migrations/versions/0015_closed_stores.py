"""When partners and stores were closed.

Revision ID: 0015
Revises: 0014
Create Date: 2026-11-30 11:25:00+00:00

"""
from alembic import op
import sqlalchemy as sa


revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('partner', sa.Column('closed_at', sa.BigInteger(), nullable=True))
    op.add_column('store', sa.Column('closed_at', sa.BigInteger(), nullable=True))


def downgrade():
    op.drop_column('store', 'closed_at')
    op.drop_column('partner', 'closed_at')
