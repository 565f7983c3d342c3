"""Versions of partners and stores, so that two changes of one version are told apart.

Revision ID: 0011
Revises: 0010
Create Date: 2026-11-30 10:55:00+00:00

"""
from alembic import op
import sqlalchemy as sa


revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('partner', sa.Column('version', sa.BigInteger(), server_default='1', nullable=False))
    op.add_column('store', sa.Column('version', sa.BigInteger(), server_default='1', nullable=False))


def downgrade():
    op.drop_column('store', 'version')
    op.drop_column('partner', 'version')
